"""A person's own network: what a check finds in it, and what is said where its code fails."""
