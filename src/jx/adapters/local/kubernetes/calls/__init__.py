"""What a request is: who asks for what, in which form, and what it has settled so far."""
