"""What draws its inputs from a seed, and bugs on purpose: `README.md` lists the rooms."""
