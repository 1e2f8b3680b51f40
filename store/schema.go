package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"

	"mimamori"
)

// MakeSchema makes an empty schema at a PostgreSQL address, in place of one of
// that name, and gives the address of a store in it: for demonstrations and
// tests beside other things in the same database.
func MakeSchema(ctx context.Context, address, name string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("make schema %s: the PostgreSQL address cannot be read: %w", name, mimamori.ErrInvalid)
	}
	if err := DropSchema(ctx, address, name); err != nil {
		return "", err
	}
	if err := say(ctx, address, `CREATE SCHEMA `+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", fmt.Errorf("make schema %s: %w", name, err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// DropSchema removes a schema and all that is in it; nil when there is none.
func DropSchema(ctx context.Context, address, name string) error {
	if err := say(ctx, address, `DROP SCHEMA IF EXISTS `+pgx.Identifier{name}.Sanitize()+` CASCADE`); err != nil {
		return fmt.Errorf("drop schema %s: %w", name, err)
	}
	return nil
}

// say runs one statement on a connection of its own.
func say(ctx context.Context, address, statement string) (err error) {
	c, err := pgx.Connect(ctx, address)
	if err != nil {
		return errors.Join(mimamori.ErrUnavailable, err)
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	_, err = c.Exec(ctx, statement)
	return err
}
