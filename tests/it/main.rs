//! Everything that needs no outside server, in one binary.
