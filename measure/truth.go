package measure

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mimamori"
	"mimamori/simulate"
)

// Mark is the truth about one event that is not a customer's own.
type Mark struct {
	Attacker string // naive, vpn, …; noise
	Campaign string
	Takeover string
	First    bool // by this he got in
}

// Campaign is a true campaign: when its attempts were made.
type Campaign struct {
	Name, Kind string
	Attempts   []time.Time
	Successes  []string // event ids
}

// Truth is what is known of a world.
type Truth struct {
	marks     map[string]*Mark
	Campaigns []*Campaign
}

// Of is the truth about an event; nil: a customer's own.
func (t *Truth) Of(event string) *Mark { return t.marks[event] }

// ReadTruth reads the truth beside a world's events.
func ReadTruth(dir string) (*Truth, error) {
	f, err := os.Open(filepath.Join(dir, simulate.TruthFile))
	if err != nil {
		return nil, fmt.Errorf("read the truth: %w", err)
	}
	defer f.Close()
	rows := csv.NewReader(f)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil || !slices.Equal(header, simulate.TruthHeader) {
		return nil, fmt.Errorf("read the truth: its header is not %v: %w", simulate.TruthHeader, mimamori.ErrInvalid)
	}
	t := &Truth{marks: map[string]*Mark{}}
	shared := map[Mark]*Mark{}
	campaigns := map[string]*Campaign{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the truth: %w", err)
		}
		m := Mark{Attacker: row[5], Campaign: row[6], Takeover: row[7], First: row[8] == "1"}
		p := shared[m]
		if p == nil {
			p = &m
			shared[m] = p
		}
		t.marks[string(append([]byte(nil), row[0]...))] = p
		if m.Campaign != "" && row[4] == "login.attempted" && (m.Takeover == "" || m.First) {
			at, err := time.Parse(time.RFC3339, row[1])
			if err != nil {
				return nil, fmt.Errorf("read the truth: %w", err)
			}
			c := campaigns[m.Campaign]
			if c == nil {
				c = &Campaign{Name: m.Campaign, Kind: m.Attacker}
				campaigns[m.Campaign] = c
				t.Campaigns = append(t.Campaigns, c)
			}
			c.Attempts = append(c.Attempts, at)
			if m.First {
				c.Successes = append(c.Successes, string(append([]byte(nil), row[0]...)))
			}
		}
	}
	slices.SortFunc(t.Campaigns, func(a, b *Campaign) int { return a.Attempts[0].Compare(b.Attempts[0]) })
	return t, nil
}
