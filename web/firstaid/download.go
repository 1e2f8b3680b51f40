package firstaid

import (
	"fmt"
	"net/http"
	"strings"

	aid "mimamori/firstaid"
	"mimamori/web"
)

// download gives the record as a text file: made from the form that is sent,
// and kept nowhere.
func (s *site) download(w http.ResponseWriter, r *http.Request) {
	e, _, ok := s.read(w, r)
	if !ok {
		return
	}
	done, ok := work(r.Context(), s.limits.pages)
	if !ok {
		s.busy(w, r)
		return
	}
	defer done()
	page := s.pages.New(r, nil)
	v := View{Step: "record", Entered: e}
	s.fill(&v, s.opt.ClientIP(r), page)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="record.txt"`)
	_, _ = w.Write([]byte("\ufeff" + strings.ReplaceAll(s.asText(v, page), "\n", "\r\n"))) // the reader is gone: nothing to do
}

// asText writes the record as plain lines.
func (s *site) asText(v View, page *web.Page) string {
	t := func(key string, args ...any) string { return s.text.T(page.Lang, key, args...) }
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	head := func(key string) { line("\n== %s", t(key)) }
	e := v.Entered
	line("%s", t("record.title"))
	line("%s: %s", t("record.at"), page.Clock.Exact(v.Now))
	name := v.Name()
	if name == "" {
		name = t("service.unknown")
	}
	line("%s: %s", t("record.service"), name)
	for _, what := range e.Happened {
		line("- %s", t("happened."+what))
	}
	for _, what := range e.Given {
		line("- %s", t("gave."+what))
	}
	if v.Own != "" {
		line("%s: %s", t("record.own"), v.Own)
	}
	if f := e.Found; f != nil {
		head("record.mail")
		line("%s\n%s: %s\n%s: %s", t("verdict."+string(f.Verdict)), t("mail.from"), f.From, t("mail.subject"), f.Subject)
		for _, why := range f.Reasons {
			line("- %s %s", why.Text.In(page.Lang), why.Evidence)
		}
	}
	if v.Picture != nil {
		head("record.logins")
		for i, row := range v.Picture.Rows {
			line("%d. %s", i+1, s.rowText(row, page))
		}
	}
	head("record.deeds")
	for _, task := range v.Tasks {
		state := t("haste." + string(task.Haste))
		if e.Did(task.Deed) {
			state = t("record.did")
		}
		line("- %s (%s)", t("deed."+string(task.Deed)), state)
	}
	if e.Notes != "" {
		head("record.notes")
		line("%s", e.Notes)
	}
	return b.String()
}

func (s *site) rowText(r aid.Row, page *web.Page) string {
	at := s.text.T(page.Lang, "row.notime")
	switch r.Precision {
	case aid.Minute:
		at = r.At.Format("2006-01-02 15:04")
	case aid.Day:
		at = r.At.Format("2006-01-02")
	}
	parts := []string{at, s.text.T(page.Lang, "fit."+string(r.Fit))}
	if r.Address.IP.IsValid() {
		parts = append(parts, r.Address.String(), r.Place.Describe().In(page.Lang))
	}
	if r.Device != "" {
		parts = append(parts, r.Device)
	}
	return strings.Join(parts, " | ")
}
