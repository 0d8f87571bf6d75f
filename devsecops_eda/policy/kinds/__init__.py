"""The other kinds of rules, each judged by a function from facts to state and sentence."""
