package event

import (
	"errors"
	"strings"
	"testing"

	"mimamori"
)

const csvHeader = "subject,time,ip,user_agent,outcome,session,device\n"

func TestDecodeCSV(t *testing.T) {
	log := csvHeader +
		`hanako,2026-10-01T08:00:00+09:00,::ffff:192.0.2.1,"UA, quoted",succeeded,s1,d1` + "\n" +
		`hanako,2026-10-02T08:00:00+09:00,192.0.2.1,UA,succeeded,,` + "\n" +
		`taro,2026-10-02T08:00:00+09:00,192.0.2.1,,wrong_password,,` + "\n"
	events, err := DecodeCSV(strings.NewReader("\ufeff"+log), "history", now, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	l := events[0].Payload.(*Login)
	if len(events) != 3 || l.IP != "192.0.2.1" || l.UserAgent != "UA, quoted" || l.Device != "d1" || events[0].Source != "history" {
		t.Errorf("events = %+v", events)
	}
	if events[1].Session == "" || events[1].Session == events[0].Session {
		t.Errorf("a sign-in without session got %q", events[1].Session)
	}
	again, err := DecodeCSV(strings.NewReader(log), "history", now, Limits{})
	if err != nil || again[2].ID != events[2].ID || events[0].ID == events[1].ID {
		t.Errorf("ids are not of the row's content: %v, %v", again[2].ID, err)
	}
}

func TestDecodeCSVRefuses(t *testing.T) {
	row := "hanako,2026-10-01T08:00:00+09:00,192.0.2.1,UA,succeeded,s1,d1\n"
	for name, c := range map[string]struct {
		log   string
		index int
		field string
	}{
		"empty":           {"", -1, "header"},
		"missing column":  {"subject,time,ip,outcome\n", -1, "header"},
		"password column": {"subject,time,ip,user_agent,outcome,password\n", -1, "header"},
		"column twice":    {"subject,time,ip,user_agent,outcome,ip\n", -1, "header"},
		"short row":       {csvHeader + row + "hanako,x\n", 1, ""},
		"bad time":        {csvHeader + row + strings.Replace(row, "+09:00", "", 1), 1, "time"},
		"bad address":     {csvHeader + strings.Replace(row, "192.0.2.1", "host", 1), 0, "ip"},
		"bad UTF-8":       {csvHeader + strings.Replace(row, "UA", "\xff", 1), 0, ""},
	} {
		_, err := DecodeCSV(strings.NewReader(c.log), "history", now, Limits{})
		var fe *mimamori.FieldError
		if !errors.As(err, &fe) || fe.Index != c.index || fe.Field != c.field {
			t.Errorf("%s: %v, want index %d field %q", name, err, c.index, c.field)
		}
	}
}

func FuzzDecodeCSV(f *testing.F) {
	f.Add(csvHeader + "hanako,2026-10-01T08:00:00+09:00,192.0.2.1,UA,succeeded,s1,d1\n")
	f.Fuzz(func(t *testing.T, log string) {
		if _, err := DecodeCSV(strings.NewReader(log), "history", now, Limits{}); err != nil && !errors.Is(err, mimamori.ErrInvalid) {
			t.Errorf("DecodeCSV error = %v, want a kind", err)
		}
	})
}
