//! The sync protocol as pure machines: no I/O, no clock, no randomness of their own.
