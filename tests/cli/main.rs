//! End-to-end tests of the `netanalyze` command.
