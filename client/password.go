package client

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // the range API is made of it; nothing is protected by it
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// PasswordKnown says how often a password was seen among those that attackers
// have and try, 0 when it was not. Only the first five hex digits of its SHA-1
// leave the shop (the Pwned Passwords range API, which Mimamori serves), padded,
// so that the answer's length tells nothing either. The password is looked up as
// it is, in small letters, and without the digits and signs at its end: they are
// the first that are tried.
//
// An error means that nobody answered: the shop then refuses what it knows to be
// common itself, and goes on.
func (c *Client) PasswordKnown(ctx context.Context, password string) (int, error) {
	most := 0
	for _, word := range passwordForms(password) {
		n, err := c.passwordSeen(ctx, word)
		if err != nil {
			return 0, fmt.Errorf("look up a password: %w", err)
		}
		most = max(most, n)
	}
	return most, nil
}

// passwordForms are the ways in which one and the same idea is typed, each once.
func passwordForms(password string) []string {
	out := []string{password}
	lower := strings.ToLower(password)
	if lower != password {
		out = append(out, lower)
	}
	// With more than four characters behind it a common word is no longer one.
	base := strings.TrimRight(lower, "0123456789!?.@#$%&*-_")
	if base != lower && len(base) >= 4 && len(lower)-len(base) <= 4 {
		out = append(out, base)
	}
	return out
}

func (c *Client) passwordSeen(ctx context.Context, word string) (int, error) {
	sum := sha1.Sum([]byte(word))
	want := strings.ToUpper(hex.EncodeToString(sum[:]))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+"/range/"+want[:5], http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Add-Padding", "true")
	res, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %d", res.StatusCode)
	}
	lines := bufio.NewScanner(io.LimitReader(res.Body, maxAnswer))
	for lines.Scan() {
		suffix, count, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if strings.EqualFold(suffix, want[5:]) {
			n, err := strconv.Atoi(count)
			return max(n, 0), err
		}
	}
	return 0, lines.Err()
}
