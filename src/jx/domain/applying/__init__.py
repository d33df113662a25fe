"""What an apply will do, decided before anything is done."""
