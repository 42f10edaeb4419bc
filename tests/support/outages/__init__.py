"""Made networks in which something goes wrong, and what netmon would see of it: a simulation of its own, from traffic
and ways to pollers' answers, that shares nothing with the judgement that it is to test."""
