"""Active checks: inputs that ask something on the network whether it is well. One file each."""
