//! Databases: connections, statements, values, transactions. The only room that knows rusqlite.
