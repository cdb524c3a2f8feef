//! File storage under SQLite: OPFS, a host's files, memory.
