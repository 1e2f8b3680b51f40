-- +goose Up
-- How many accounts signed in last on each day: what their index by day was
-- asked for, and nothing else was. An index costs two pages anywhere in it for
-- each account's first sign-in of a day, this one page for all of them.
CREATE TABLE login_days (
    day INTEGER PRIMARY KEY, -- since 1970
    n   INTEGER NOT NULL
);
INSERT INTO login_days (day, n) SELECT login_day, count(*) FROM account WHERE login_day > 0 GROUP BY login_day;
DROP INDEX account_by_login;

-- +goose StatementBegin
CREATE TRIGGER account_made AFTER INSERT ON account WHEN NEW.login_day > 0 BEGIN
    INSERT INTO login_days (day, n) VALUES (NEW.login_day, 1) ON CONFLICT (day) DO UPDATE SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_signed_in AFTER UPDATE OF login_day ON account WHEN NEW.login_day <> OLD.login_day BEGIN
    UPDATE login_days SET n = n - 1 WHERE day = OLD.login_day;
    INSERT INTO login_days (day, n) VALUES (NEW.login_day, 1) ON CONFLICT (day) DO UPDATE SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_gone AFTER DELETE ON account WHEN OLD.login_day > 0 BEGIN
    UPDATE login_days SET n = n - 1 WHERE day = OLD.login_day;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER account_made;
DROP TRIGGER account_signed_in;
DROP TRIGGER account_gone;
DROP TABLE login_days;
CREATE INDEX account_by_login ON account (login_day);
