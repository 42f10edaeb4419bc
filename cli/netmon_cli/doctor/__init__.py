"""What is wrong on this machine, one file per matter."""
