"""Types that every room shares, and the one error tree."""
