"""Ideas for products that a shop does not have: wished for, found real by the critic, and far from all that exists."""
