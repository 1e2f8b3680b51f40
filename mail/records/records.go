// Package records knows what the DNS must say so that receivers believe our
// notices, and reads what it says: DKIM keys, SPF, DMARC as RFC 9989 reads it,
// BIMI, and for an inbox of ours MX, MTA-STS and TLS reports. It stands beside
// mail, for the operator at a shell; nothing on the way of a notice asks it.
// Which keys there are, app knows; publishing is the operator's own hand.
package records

import (
	"fmt"
	"strings"
	"time"
)

// Setup is what an installation sends with.
type Setup struct {
	Domain   string   // after the @ of our sender
	Keys     []Key    // all that are to stand in the DNS
	SPF      []string // mechanisms of what sends for us: "include:_spf.smtp.example", "ip4:192.0.2.7"; empty: not known to us
	ReportTo string   // mail address for DMARC and TLS reports; empty: none are asked for
	BIMILogo string   // https address of the logo (SVG Tiny PS); empty: no BIMI
	BIMICert string   // https address of its certificate; may be empty
	Inboxes  []string // domains that our inbox receives for; empty: there is none
	InboxMX  string   // host of that inbox
}

// Key is one DKIM key and where it stands in its life.
type Key struct {
	Selector string
	Value    string    // of the TXT record
	Begins   time.Time // signs from then on
	Until    time.Time // its record may be taken out then; zero: it has no successor yet
}

// Record is one record to publish.
type Record struct {
	Name, Type, Value string
	Why               string
}

// String is the record as a zone file has it; a long text is cut into the
// strings of at most 255 bytes that RFC 1035 section 3.3 allows.
func (r Record) String() string {
	value := r.Value
	if r.Type == "TXT" {
		var parts []string
		for rest := r.Value; rest != ""; {
			n := min(len(rest), 250)
			parts, rest = append(parts, `"`+rest[:n]+`"`), rest[n:]
		}
		value = strings.Join(parts, " ")
	}
	return fmt.Sprintf("%s. IN %s %s", r.Name, r.Type, value)
}

// Records are all to publish, the needed ones first.
func (s Setup) Records() []Record {
	var out []Record
	add := func(name, kind, value, why string) { out = append(out, Record{name, kind, value, why}) }
	for _, k := range s.Keys {
		why := "DKIM key; signs from " + k.Begins.Format(time.DateTime) + " UTC on"
		if !k.Until.IsZero() {
			why += "; keep it until " + k.Until.Format(time.DateOnly)
		}
		add(k.Selector+"._domainkey."+s.Domain, "TXT", k.Value, why)
	}
	add(s.Domain, "TXT", s.spf(), "SPF: these may send for the domain, nobody else")
	add("_dmarc."+s.Domain, "TXT", s.dmarc(), "DMARC: what carries our domain without our signature is refused")
	if s.BIMILogo != "" {
		add("default._bimi."+s.Domain, "TXT", strings.TrimSpace("v=BIMI1; l="+s.BIMILogo+"; a="+s.BIMICert), "BIMI: the logo that some mailboxes show beside authenticated mail")
	}
	for _, domain := range s.Inboxes {
		add(domain, "MX", "10 "+s.InboxMX+".", "our inbox: mails to check, and what came back")
		add("_mta-sts."+domain, "TXT", "v=STSv1; id=1", "MTA-STS: others deliver to our inbox over TLS only; raise the id when the policy changes")
		if s.ReportTo != "" {
			add("_smtp._tls."+domain, "TXT", "v=TLSRPTv1; rua=mailto:"+s.ReportTo, "reports about deliveries that had no TLS")
		}
	}
	return out
}

// MTASTS is the policy to serve at
// https://mta-sts.<inbox>/.well-known/mta-sts.txt (RFC 8461 section 3.2).
func (s Setup) MTASTS() string {
	return "version: STSv1\r\nmode: enforce\r\nmx: " + s.InboxMX + "\r\nmax_age: 604800\r\n"
}

func (s Setup) spf() string {
	list := s.SPF
	if len(list) == 0 {
		list = []string{"include:YOUR-MAIL-SERVICE"}
	}
	return "v=spf1 " + strings.Join(list, " ") + " -all"
}

func (s Setup) dmarc() string {
	value := "v=DMARC1; p=reject; sp=reject; np=reject; adkim=s; aspf=r"
	if s.ReportTo != "" {
		value += "; rua=mailto:" + s.ReportTo
	}
	return value
}
