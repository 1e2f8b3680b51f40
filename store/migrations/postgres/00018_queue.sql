-- +goose Up
-- What the desk's lists are made of. Off the decision path: queue_due is
-- written with the incident, the rest after the commit, and can be made again.
CREATE TABLE queue_due (
    account_id  uuid    NOT NULL,
    incident    text    NOT NULL,
    n           bigint NOT NULL, -- how often the incident was written
    made        bigint NOT NULL, -- up to which writing its row was made
    PRIMARY KEY (account_id, incident)
);
CREATE INDEX queue_behind ON queue_due (account_id, incident) WHERE n > made;
INSERT INTO queue_due (account_id, incident, n, made) SELECT account_id, id, 1, 0 FROM incident WHERE state NOT IN ('closed', 'dismissed');

CREATE TABLE queue (
    account_id  uuid    NOT NULL,
    incident    text    NOT NULL,
    urgency     bigint NOT NULL,
    opened_at   bigint NOT NULL,
    state       text    NOT NULL,
    evidence    bigint NOT NULL, -- a bit for each kind
    lang        text    NOT NULL,
    assigned    text    NOT NULL,
    campaigns   text    NOT NULL,
    doc         text    NOT NULL,
    PRIMARY KEY (account_id, incident)
);
-- Whoever filters walks this and nothing else until he has his page.
CREATE INDEX queue_in_order ON queue (urgency, opened_at, incident, state, evidence, lang, assigned, campaigns);
CREATE INDEX queue_assigned ON queue (assigned, urgency, opened_at, incident);

-- Counts every writing of the queue, so that an open page knows of news.
CREATE TABLE queue_mark (
    name  text    NOT NULL PRIMARY KEY,
    n     bigint NOT NULL
);

-- Which accounts share a value: looked up by the value, so that is the key.
CREATE TABLE link (
    hash        bytea    NOT NULL,
    account_id  uuid    NOT NULL,
    session     text    NOT NULL,
    kind        text    NOT NULL,
    subject     text    NOT NULL,
    incident    text    NOT NULL, -- empty: a stranger's, whom nobody has called an intruder
    at          bigint NOT NULL,
    PRIMARY KEY (hash, account_id, session)
);
CREATE INDEX link_of_incident ON link (account_id, incident);
CREATE INDEX link_by_age ON link (at) WHERE incident = '';
CREATE INDEX link_at ON link (at);

CREATE INDEX incident_ended ON incident (opened_at) WHERE state IN ('closed', 'dismissed');
