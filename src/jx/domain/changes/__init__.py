"""Changes on their way: pull requests, what they say, who has to approve, promotions."""
