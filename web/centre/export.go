package centre

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"mimamori/web"
)

// exportedLogin is one line of the exported history. The names stay as they
// are: people write programs against them.
type exportedLogin struct {
	At         time.Time `json:"at"`
	Outcome    string    `json:"outcome"`
	Device     string    `json:"device,omitempty"`
	Browser    string    `json:"browser,omitempty"`
	IP         string    `json:"ip,omitempty"`
	Country    string    `json:"country,omitempty"`
	Operator   string    `json:"operator,omitempty"`
	Kind       string    `json:"kind,omitempty"`
	Whose      Owner     `json:"whose"`
	Unfamiliar bool      `json:"unfamiliar"`
	Answer     Answer    `json:"your_answer,omitempty"`
}

func exported(l Logins) []exportedLogin {
	out := []exportedLogin{}
	for _, g := range l.Groups {
		for _, row := range g.Rows {
			e := exportedLogin{At: row.At, Outcome: row.Outcome, Device: g.Device, Browser: g.Browser, Country: row.Place.Country,
				Operator: row.Place.Operator, Kind: row.Place.Kind, Whose: g.Owner, Unfamiliar: g.Unfamiliar, Answer: row.Answer}
			if row.IP.IsValid() {
				e.IP = row.IP.String()
			}
			out = append(out, e)
		}
	}
	return out
}

func attachment(w http.ResponseWriter, kind, name string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
}

func sendJSON(w http.ResponseWriter, name string, lines []exportedLogin) error {
	attachment(w, "application/json", name)
	enc := json.NewEncoder(w) // <, > and & leave as \u003c …: nothing in it is HTML
	enc.SetIndent("", " ")
	return enc.Encode(lines)
}

// sendCSV writes RFC 4180 with a byte order mark, without which the usual
// spreadsheet reads Japanese wrongly. No cell can become a formula (D16).
func (c *centre) sendCSV(w http.ResponseWriter, p *web.Page, name string, logins Logins) error {
	attachment(w, "text/csv; charset=utf-8", name)
	say := func(key string) string { return c.text.T(p.Lang, key) }
	if _, err := w.Write([]byte("\ufeff")); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	write := func(cells ...string) error {
		for i := range cells {
			cells[i] = web.Cell(cells[i])
		}
		return out.Write(cells)
	}
	err := write(say("fact.when"), say("export.outcome"), say("export.device"), say("export.browser"), say("export.ip"), say("ip.country"),
		say("ip.operator"), say("ip.kind"), say("export.whose"), say("logins.unfamiliar"), say("export.answer"))
	for _, e := range exported(logins) {
		if err != nil {
			return err
		}
		country, kind, odd, answer := "", "", "", ""
		if e.Country != "" {
			country = web.Country(e.Country, p.Lang)
		}
		if e.Kind != "" {
			kind = say("placekind." + e.Kind)
		}
		if e.Unfamiliar {
			odd = say("logins.unfamiliar")
		}
		if e.Answer != Unanswered {
			answer = say("answer." + string(e.Answer))
		}
		err = write(e.At.In(p.Clock.Zone).Format(time.RFC3339), say("outcome."+e.Outcome), e.Device, e.Browser, e.IP, country, e.Operator, kind,
			say("owner."+string(e.Whose)), odd, answer)
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}
