"""Each operation of the contract as a function that fills it in; the clients send what it returns."""
