"""Recording and alerting rules: read, evaluated, remembered, tried out."""
