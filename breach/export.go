package breach

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"mimamori"
)

// itemNames are the nine items as the rules number and name them.
var itemNames = map[Item]mimamori.Text{
	Outline: {JA: "概要", EN: "Outline"}, Data: {JA: "漏えい等が発生し、又は発生したおそれがある個人データの項目", EN: "Kinds of personal data concerned"},
	Persons: {JA: "個人データに係る本人の数", EN: "Number of persons"}, Cause: {JA: "原因", EN: "Cause"},
	Secondary: {JA: "二次被害又はそのおそれの有無及びその内容", EN: "Secondary damage, or the risk of it"},
	Response:  {JA: "本人への対応の実施状況", EN: "What was done for the persons"}, Publicity: {JA: "公表の実施状況", EN: "Publication"},
	Prevention: {JA: "再発防止のための措置", EN: "Measures against recurrence"}, Other: {JA: "その他参考となる事項", EN: "Other"},
}

// Name is an item's name, with its number in the rules.
func (i Item) Name() mimamori.Text {
	for n, item := range Items {
		if item == i {
			return mimamori.Text{JA: fmt.Sprintf("%d　%s", n+1, itemNames[i].JA), EN: fmt.Sprintf("%d %s", n+1, itemNames[i].EN)}
		}
	}
	return mimamori.Text{}
}

// groundNames say what each ground is.
var groundNames = map[Ground]mimamori.Text{
	Sensitive: {JA: "要配慮個人情報が含まれる（1名から）", EN: "Special care-required personal information (from one person)"},
	Property:  {JA: "不正に利用されることにより財産的被害が生じるおそれがある（1名から）", EN: "Damage to property may follow (from one person)"},
	Wrongful:  {JA: "不正の目的をもって行われたおそれがある（不正アクセスなど。1名から）", EN: "Done for a wrongful purpose, as unauthorised access is (from one person)"},
	Thousand:  {JA: "本人の数が1,000人を超える", EN: "More than 1,000 persons"},
}

// Name says what a ground is.
func (g Ground) Name() mimamori.Text { return groundNames[g] }

// Document is a report as a file: everything that stands on the page, in a
// form that stays.
type Document struct {
	ID        string            `json:"id"`
	State     State             `json:"state"`
	MadeAt    time.Time         `json:"made_at"`
	Aware     Aware             `json:"aware"`
	Incidents []string          `json:"incidents"`
	Grounds   []DocGround       `json:"grounds"`
	Deadlines []DocDeadline     `json:"deadlines"`
	Items     []DocItem         `json:"items"`
	Seen      []Page            `json:"pages_shown"`
	Filed     map[Stage]*Filing `json:"filed"`
	History   []Edit            `json:"history"`
}

// DocGround is a ground in words.
type DocGround struct {
	Ground Ground        `json:"ground"`
	Text   mimamori.Text `json:"text"`
}

// DocDeadline is a deadline in a file.
type DocDeadline struct {
	Stage Stage     `json:"stage"`
	Days  int       `json:"days"`
	At    time.Time `json:"at"`
	Met   bool      `json:"met"`
}

// DocItem is one of the nine items.
type DocItem struct {
	Item    Item          `json:"item"`
	Name    mimamori.Text `json:"name"`
	Text    mimamori.Text `json:"text"`
	Written bool          `json:"written_by_person"`
}

// Export makes the document of a report.
func Export(r Report, all []Facts, now time.Time) Document {
	d := Document{ID: r.ID, State: r.State, MadeAt: now.UTC(), Aware: r.Aware, Seen: SeenBy(all), History: r.History,
		Filed: map[Stage]*Filing{Preliminary: r.First, Final: r.Last}}
	for _, ref := range r.Incidents {
		d.Incidents = append(d.Incidents, string(ref.Incident))
	}
	for _, g := range r.Grounds {
		d.Grounds = append(d.Grounds, DocGround{g, g.Name()})
	}
	for _, x := range r.Deadlines() {
		d.Deadlines = append(d.Deadlines, DocDeadline{x.Stage, x.Days, x.At, x.Met})
	}
	draft := Draft(&r, all)
	for _, item := range Items {
		text, written := r.Text(item, draft)
		d.Items = append(d.Items, DocItem{item, item.Name(), text, written})
	}
	return d
}

// JSON writes the document for programs.
func (d Document) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(d)
}

// Text writes the document to be pasted into the commission's form: Japanese,
// with the English as an aid below each item when asked for.
func (d Document) Text(w io.Writer, english bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "個人データの漏えい等に関する報告（案） %s\n事態を知った日時：%s\n", d.ID, when(d.Aware.At).JA)
	for _, x := range d.Deadlines {
		fmt.Fprintf(&b, "%s（%d日）：%sまで%s\n", map[Stage]string{Preliminary: "速報", Final: "確報"}[x.Stage], x.Days, when(x.At).JA, map[bool]string{true: "　報告済み"}[x.Met])
	}
	for _, g := range d.Grounds {
		fmt.Fprintf(&b, "・%s\n", g.Text.JA)
	}
	for _, i := range d.Items {
		fmt.Fprintf(&b, "\n%s\n%s\n", i.Name.JA, i.Text.JA)
		if english && i.Text.EN != "" {
			fmt.Fprintf(&b, "[%s] %s\n", i.Name.EN, i.Text.EN)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var documentPage = template.Must(template.New("report").Funcs(template.FuncMap{
	"at":    func(t time.Time) string { return when(t).JA },
	"stage": func(s Stage) string { return map[Stage]string{Preliminary: "速報", Final: "確報"}[s] },
}).Parse(`<!DOCTYPE html>
<html lang="ja"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>漏えい等報告（案） {{.ID}}</title>
<style>:root{color-scheme:light dark}body{font:16px/1.7 system-ui,sans-serif;max-width:760px;margin:0 auto;padding:16px}h1{font-size:26px}h2{font-size:20px;margin-top:28px}p{white-space:pre-wrap;overflow-wrap:anywhere}.aid{color:#767676}table{border-collapse:collapse}th,td{text-align:left;padding:4px 16px 4px 0;border-bottom:1px solid #949494}</style></head>
<body><h1>個人データの漏えい等に関する報告（案）</h1>
<table><tbody><tr><th scope="row">番号</th><td>{{.ID}}</td></tr><tr><th scope="row">事態を知った日時</th><td>{{at .Aware.At}}</td></tr>
{{range .Deadlines}}<tr><th scope="row">{{stage .Stage}}（{{.Days}}日）</th><td>{{at .At}}まで{{if .Met}}　報告済み{{end}}</td></tr>{{end}}
<tr><th scope="row">該当する事由</th><td>{{range .Grounds}}{{.Text.JA}}<br>{{end}}</td></tr></tbody></table>
{{range .Items}}<h2>{{.Name.JA}}</h2><p>{{.Text.JA}}</p>{{with .Text.EN}}<p class="aid" lang="en">{{.}}</p>{{end}}{{end}}
<h2>第三者に表示された画面</h2>
{{if .Seen}}<table><thead><tr><th scope="col">画面</th><th scope="col">表示された項目</th><th scope="col">回数</th></tr></thead><tbody>{{range .Seen}}<tr><td>{{.Page}}</td><td>{{range .Fields}}{{.}} {{end}}</td><td>{{.Times}}</td></tr>{{end}}</tbody></table>{{else}}<p>記録はありません。</p>{{end}}
</body></html>
`))

// HTML writes the document as a page to print.
func (d Document) HTML(w io.Writer) error { return documentPage.Execute(w, d) }
