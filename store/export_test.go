package store

// UUIDHash is uuidHash, for tests that hold it against PostgreSQL's own.
var UUIDHash = uuidHash
