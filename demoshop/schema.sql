CREATE TABLE IF NOT EXISTS account (
  subject TEXT PRIMARY KEY,
  locale TEXT NOT NULL,
  registered_at INTEGER NOT NULL,
  password_hash TEXT NOT NULL,
  password_before TEXT NOT NULL DEFAULT '',
  password_state TEXT NOT NULL CHECK (password_state IN ('set', 'invalid')),
  password_since INTEGER NOT NULL,
  points INTEGER NOT NULL DEFAULT 0,
  points_frozen INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS session (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  subject TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'open', 'ended')),
  began_at INTEGER NOT NULL,
  ended_at INTEGER,
  challenge TEXT NOT NULL DEFAULT '',
  ip TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  place TEXT NOT NULL DEFAULT '',
  seen_at INTEGER NOT NULL,
  pages TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS session_subject ON session (subject, state);
CREATE TABLE IF NOT EXISTS remembered (
  token_hash TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  began_at INTEGER NOT NULL,
  ended_at INTEGER
);
-- Contacts, addresses, payment methods, subscriptions and settings alike. A
-- removed one stays, so that it can come back whole; a card keeps the token of
-- the payment company, never its number.
CREATE TABLE IF NOT EXISTS resource (
  subject TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  value TEXT NOT NULL,
  verified_at INTEGER,
  since INTEGER NOT NULL,
  removed_at INTEGER,
  card_token TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (subject, kind, id)
);
CREATE TABLE IF NOT EXISTS resource_past (
  subject TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  value TEXT NOT NULL,
  verified_at INTEGER,
  since INTEGER NOT NULL,
  replaced_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS resource_past_key ON resource_past (subject, kind, id);
CREATE TABLE IF NOT EXISTS purchase (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  product TEXT NOT NULL,
  total INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('placed', 'cancelled', 'shipped')),
  hidden INTEGER NOT NULL DEFAULT 0,
  digital INTEGER NOT NULL,
  ship_to TEXT NOT NULL,
  ship_to_was TEXT NOT NULL,
  payment TEXT NOT NULL,
  payment_was TEXT NOT NULL,
  session TEXT NOT NULL,
  event TEXT NOT NULL,
  placed_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  closed_at INTEGER
);
CREATE INDEX IF NOT EXISTS purchase_subject ON purchase (subject, placed_at);
CREATE INDEX IF NOT EXISTS purchase_due ON purchase (state, due_at);
-- gift: '' none, waiting until due_at, sent, or stopped.
CREATE TABLE IF NOT EXISTS points_entry (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  amount INTEGER NOT NULL,
  balance INTEGER NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  gift TEXT NOT NULL DEFAULT '',
  due_at INTEGER
);
CREATE INDEX IF NOT EXISTS points_subject ON points_entry (subject, at);
CREATE TABLE IF NOT EXISTS restored (
  incident TEXT NOT NULL,
  entry TEXT NOT NULL,
  amount INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (incident, entry)
);
CREATE TABLE IF NOT EXISTS held (
  subject TEXT NOT NULL,
  scope TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (subject, scope)
);
CREATE TABLE IF NOT EXISTS suspect (
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  id TEXT NOT NULL,
  card_token TEXT NOT NULL DEFAULT '',
  at INTEGER NOT NULL,
  PRIMARY KEY (kind, subject, id)
);
CREATE TABLE IF NOT EXISTS command (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  incident TEXT NOT NULL,
  data TEXT NOT NULL,
  digest TEXT NOT NULL,
  answer TEXT NOT NULL,
  at INTEGER NOT NULL,
  received INTEGER NOT NULL DEFAULT 1
);
-- What the shop reports. Written in the transaction of the act; waiting until
-- Mimamori has it.
CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  body TEXT NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'taken', 'refused', 'history')),
  why TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS event_waiting ON event (state, seq);
CREATE TABLE IF NOT EXISTS secret (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
);
-- Where a seeded customer usually is: for the demo's "sign in from".
CREATE TABLE IF NOT EXISTS home_place (
  subject TEXT NOT NULL,
  place TEXT NOT NULL,
  ip TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  PRIMARY KEY (subject, place)
);
