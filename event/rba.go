package event

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// The public RBA data set (Wiefling, Jørgensen, Thunem, Lo Iacono: "Pump Up
// Password Security!", ACM TOPS 2022; Zenodo 6782156, CC BY 4.0) as one more
// form of login log, so that whoever has the file can repeat a figure. Its
// labels, and the country and operator it gives, are left out: an event
// carries what a shop sees. The event's id is "rba_" and the row's index.
var rbaColumns = []string{"Login Timestamp", "User ID", "Round-Trip Time [ms]", "IP Address", "User Agent String", "Login Successful"}

// rbaNobody is the one user id that stands for all names nobody has: 44.9 %
// of the rows, with four successes among 14 million.
const rbaNobody = "-4324475583306591935"

// isRBA says that a header is the data set's.
func isRBA(header []string) bool {
	for _, name := range rbaColumns {
		if !slices.Contains(header, name) {
			return false
		}
	}
	return true
}

// withRBA remembers where the data set's columns stand.
func (c *CSV) withRBA(header []string) *CSV {
	c.rba = true
	for i, name := range header {
		c.column[strings.Clone(name)] = i
		if name == "index" {
			c.index = "index"
		}
	}
	return c
}

// rbaEvent writes a row of the data set as a login.attempted event.
func (c *CSV) rbaEvent(record []string) ([]byte, error) {
	get := func(name string) string { return strings.TrimSpace(record[c.column[name]]) }
	id := "rba_" + strconv.Itoa(c.row)
	if c.index != "" {
		id = "rba_" + get(c.index)
	}
	l := Login{IP: get("IP Address"), UserAgent: get("User Agent String")}
	switch ok := strings.EqualFold(get("Login Successful"), "true"); {
	case ok:
		l.Outcome, l.Session = Succeeded, "of_"+id
	case get("User ID") == rbaNobody:
		l.Outcome = UnknownAccount
	case strings.EqualFold(get("Login Successful"), "false"):
		l.Outcome = WrongPassword
	default:
		l.Outcome = Outcome(get("Login Successful")) // the decoder says what is wrong with it
	}
	if rtt, err := strconv.ParseFloat(get("Round-Trip Time [ms]"), 64); err == nil && rtt >= 0 && !math.IsInf(rtt, 0) && rtt < 1e9 {
		ms := int(math.Round(rtt))
		l.RTTMillis = &ms
	}
	at := get("Login Timestamp")
	if t, err := time.Parse("2006-01-02 15:04:05.999", at); err == nil { // no zone is given; UTC serves as well as any
		at = t.Format(time.RFC3339Nano)
	}
	return json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": c.source, "type": LoginAttempted, "subject": "u" + get("User ID"), "time": at, "data": l,
	})
}
