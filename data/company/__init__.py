"""The parts of the sample company: what it sells, how it is supplied, who sells it and what its people say."""
