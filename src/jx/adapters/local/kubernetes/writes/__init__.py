"""From a request to the store: the verbs that change objects, and what the server writes into them."""
