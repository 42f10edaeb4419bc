"""The ways in for programs that others wrote: each is answered as the server that it was made for would answer."""
