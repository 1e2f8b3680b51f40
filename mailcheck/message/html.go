package message

import (
	"bytes"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// seen is what an HTML part shows and where it leads.
type seen struct {
	visible, hidden string
	links           []Link
	fonts           []string
}

// mostOpen is how deep elements may be open inside one another before further
// ones are read as if they stood beside each other: the walk stays linear.
const mostOpen = 256

// walker goes through the tokens once; no tree is built.
type walker struct {
	visible, hidden strings.Builder
	links           []Link
	fonts           map[string]bool
	open            []element // of elements that hide or link
	anchors         []int     // indexes in links of the anchors that are open
	inner           bool      // in a noscript or conditional comment
	raw             bool      // the next text is what a noscript holds
	skip            atom.Atom // script, style, title: their text is no text
}

type element struct {
	name  atom.Atom
	hides bool
	links bool
}

// readHTML reads the part without rendering it: no script, no style sheet, no
// fetch. Style is looked at only where it hides text.
func readHTML(source string) seen { return walk(source, false) }

// walk reads a document, or what stands in a noscript or conditional comment
// of one: those of the inner one are left alone, or openings without end would
// take for ever.
func walk(source string, inner bool) seen {
	w := &walker{fonts: map[string]bool{}, inner: inner}
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		switch kind {
		case html.TextToken:
			if w.raw {
				w.noscript(string(z.Raw()))
			} else {
				w.text(string(z.Text()))
			}
			w.raw = false
		case html.StartTagToken, html.SelfClosingTagToken:
			w.start(z.Token(), kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			w.end(atom.Lookup(name))
		case html.CommentToken:
			w.outlookOnly(string(z.Text()))
		}
	}
	for i := range w.links {
		w.links[i].Text = squeeze(w.links[i].Text)
	}
	s := seen{visible: squeeze(w.visible.String()), hidden: squeeze(w.hidden.String()), links: w.links}
	for f := range w.fonts {
		s.fonts = append(s.fonts, f)
	}
	return s
}

// outlookOnly keeps the links of a conditional comment, which one program
// shows and the others do not. Its text is the same once more.
func (w *walker) outlookOnly(comment string) {
	rest, ok := strings.CutPrefix(comment, "[if ")
	if _, inside, found := strings.Cut(rest, "]>"); ok && found && !w.inner {
		w.links = append(w.links, walk(inside, true).links...)
	}
}

// noscript reads what mail programs show because they run no scripts. The
// tokenizer gives it as one text.
func (w *walker) noscript(source string) {
	if w.inner {
		return
	}
	s := walk(source, true)
	w.links = append(w.links, s.links...)
	w.text(s.visible)
	w.hidden.WriteString(s.hidden)
}

// text adds to what is seen, and to the anchors around it. Text comes from the
// tokenizer with its entities undone.
func (w *walker) text(s string) {
	if w.skip != 0 {
		return
	}
	for _, e := range w.open {
		if e.hides {
			w.hidden.WriteString(s)
			return
		}
	}
	w.visible.WriteString(s)
	w.onAnchors(s)
}

// onAnchors writes on the innermost open anchor; a text that belongs to
// several is the innermost's, as in a browser.
func (w *walker) onAnchors(s string) {
	if n := len(w.anchors); n > 0 && len(w.links[w.anchors[n-1]].Text) < 2000 {
		w.links[w.anchors[n-1]].Text += s
	}
}

func (w *walker) start(t html.Token, closed bool) {
	switch t.DataAtom {
	case atom.Script, atom.Style, atom.Title: // not noscript: mail programs run none, so they show it
		if !closed {
			w.skip = t.DataAtom
		}
		if t.DataAtom == atom.Style {
			return
		}
	case atom.Noscript:
		w.raw = !closed
	case atom.Br, atom.P, atom.Div, atom.Tr, atom.Li, atom.H1, atom.H2, atom.H3, atom.H4, atom.Table, atom.Hr, atom.Blockquote:
		w.visible.WriteByte('\n')
	case atom.Td, atom.Th:
		w.visible.WriteByte(' ')
	}
	w.fontsOf(t)
	linked := w.linksOf(t)
	if closed || void[t.DataAtom] || len(w.open) >= mostOpen {
		return
	}
	if hides := hidden(t); hides || linked || len(w.open) > 0 && nests[t.DataAtom] {
		w.open = append(w.open, element{t.DataAtom, hides, linked})
	}
}

// void elements have no end.
var void = map[atom.Atom]bool{atom.Br: true, atom.Img: true, atom.Hr: true, atom.Meta: true, atom.Link: true, atom.Input: true,
	atom.Area: true, atom.Base: true, atom.Col: true, atom.Embed: true, atom.Source: true, atom.Wbr: true}

// nests are elements that stand in themselves, so that the end of an inner one
// must not be taken for the end of a hiding outer one.
var nests = map[atom.Atom]bool{atom.Div: true, atom.Span: true, atom.Table: true, atom.Td: true, atom.Tr: true, atom.Font: true,
	atom.P: true, atom.Center: true, atom.B: true, atom.Strong: true, atom.Tbody: true}

func (w *walker) end(name atom.Atom) {
	if name == w.skip && name != 0 {
		w.skip = 0
		return
	}
	for i := len(w.open) - 1; i >= 0; i-- {
		if w.open[i].name != name {
			continue
		}
		for _, e := range w.open[i:] {
			if e.links && len(w.anchors) > 0 {
				w.anchors = w.anchors[:len(w.anchors)-1]
			}
		}
		w.open = w.open[:i]
		return
	}
}

// linksOf keeps where the element leads; true for an anchor, whose text is
// still to come.
func (w *walker) linksOf(t html.Token) (anchor bool) {
	switch t.DataAtom {
	case atom.A:
		href, ok := attr(t, "href")
		if !ok {
			href, ok = attr(t, "xlink:href")
		}
		if ok {
			w.add(Link{URL: href, From: Anchor})
			w.anchors = append(w.anchors, len(w.links)-1)
			return true
		}
	case atom.Area:
		w.addAttr(t, "href", Anchor)
	case atom.Form:
		w.addAttr(t, "action", Submit)
	case atom.Button, atom.Input:
		w.addAttr(t, "formaction", Submit)
		if kind, _ := attr(t, "type"); strings.EqualFold(kind, "image") {
			w.image(t)
		}
	case atom.Img:
		w.image(t)
	case atom.Iframe, atom.Frame, atom.Embed:
		w.addAttr(t, "src", Frame)
	case atom.Object:
		w.addAttr(t, "data", Frame)
	case atom.Base:
		w.addAttr(t, "href", Base)
	case atom.Meta:
		if equiv, _ := attr(t, "http-equiv"); strings.EqualFold(equiv, "refresh") {
			content, _ := attr(t, "content")
			if m := refreshURL.FindStringSubmatch(content); m != nil {
				w.add(Link{URL: m[1], From: Refresh})
			}
		}
	}
	if strings.HasPrefix(t.Data, "v:") { // Outlook's own drawings, buttons among them
		w.addAttr(t, "href", Anchor)
	}
	if src, ok := attr(t, "background"); ok {
		w.add(Link{URL: src, From: Image})
	}
	return false
}

var refreshURL = regexp.MustCompile(`(?i)url\s*=\s*["']?([^"'>\s]+)`)

// image keeps where a picture comes from, and its alternative text as text:
// many programs show that first.
func (w *walker) image(t html.Token) {
	alt, _ := attr(t, "alt")
	if src, ok := attr(t, "src"); ok {
		w.add(Link{URL: src, Text: alt, From: Image})
	}
	if alt != "" {
		w.text(" " + alt + " ")
	}
}

func (w *walker) addAttr(t html.Token, name string, from Where) {
	if v, ok := attr(t, name); ok {
		text, _ := attr(t, "alt")
		w.add(Link{URL: v, Text: text, From: from})
	}
}

func (w *walker) add(l Link) {
	l.URL = strings.TrimSpace(l.URL)
	w.links = append(w.links, l)
}

func attr(t html.Token, name string) (string, bool) {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func hidden(t html.Token) bool {
	if _, ok := attr(t, "hidden"); ok {
		return true
	}
	style, _ := attr(t, "style")
	for style != "" {
		var one string
		one, style, _ = strings.Cut(style, ";")
		if property, value, ok := strings.Cut(one, ":"); ok && hides(property, value) {
			return true
		}
	}
	return false
}

// hides says whether one declaration of a style makes text unseen.
func hides(property, value string) bool {
	value = strings.TrimSpace(value)
	value, _, _ = strings.Cut(value, "!") // important
	value = strings.TrimSpace(value)
	switch strings.ToLower(strings.TrimSpace(property)) {
	case "display":
		return strings.EqualFold(value, "none")
	case "visibility":
		return strings.EqualFold(value, "hidden")
	case "mso-hide":
		return strings.EqualFold(value, "all")
	case "font-size", "opacity":
		return strings.Trim(strings.TrimRight(strings.ToLower(value), "pxtem%"), "0.") == "" && strings.HasPrefix(value, "0")
	}
	return false
}

var fontFamily = regexp.MustCompile(`(?i)font-family\s*:\s*([^;}]{1,200})`)

func (w *walker) fontsOf(t html.Token) {
	if style, ok := attr(t, "style"); ok {
		if m := fontFamily.FindStringSubmatch(style); m != nil {
			w.font(m[1])
		}
	}
	if face, ok := attr(t, "face"); ok && t.DataAtom == atom.Font {
		w.font(face)
	}
}

func (w *walker) font(list string) {
	for _, name := range strings.Split(list, ",") {
		name = strings.ToLower(strings.Trim(strings.TrimSpace(name), `"' `))
		if name != "" && len(w.fonts) < 50 {
			w.fonts[name] = true
		}
	}
}

var spaces = regexp.MustCompile(`[ \t\r\x{00A0}]+`)

var lines = regexp.MustCompile(`\s*\n\s*`)

// squeeze writes runs of spaces as one and drops empty lines.
func squeeze(s string) string {
	return strings.TrimSpace(lines.ReplaceAllString(spaces.ReplaceAllString(s, " "), "\n"))
}

var metaSet = regexp.MustCompile(`(?i)<meta[^>]{0,200}charset\s*=\s*["']?([a-z0-9_-]{2,40})`)

// metaCharset finds the charset that the HTML gives itself, in its first 4 kB.
func metaCharset(b []byte) string {
	if m := metaSet.FindSubmatch(b[:min(len(b), 4096)]); m != nil {
		return string(bytes.ToLower(m[1]))
	}
	return ""
}
