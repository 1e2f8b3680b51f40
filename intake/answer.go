package intake

import (
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
)

// appendTo writes the answer as encoding/json does, byte for byte: what was
// stored by one program is given out by another. It is done for each event, and
// costs a quarter of what encoding/json takes.
func (a *Answer) appendTo(b []byte) []byte {
	b = appendText(append(b, `{"decision":`...), string(a.Decision))
	b = appendNumber(append(b, `,"probability":`...), a.Probability)
	b = append(b, `,"reasons":[`...)
	for i := range a.Reasons {
		s := &a.Reasons[i]
		b = appendText(append(comma(b, i), `{"signal":`...), s.Name)
		b = appendText(append(b, `,"group":`...), string(s.Group))
		b = appendNumber(append(b, `,"weight":`...), s.Weight)
		b = appendText(append(b, `,"text":{"ja":`...), s.Text.JA)
		b = append(appendText(append(b, `,"en":`...), s.Text.EN), "}}"...)
	}
	b = append(b, ']')
	if a.Incident != "" {
		b = appendText(append(b, `,"incident":`...), string(a.Incident))
	}
	if a.Device != "" {
		b = appendText(append(b, `,"device":`...), a.Device)
	}
	if a.Challenge != nil {
		c, _ := json.Marshal(a.Challenge) // texts and a time of these years: cannot fail
		b = append(append(b, `,"challenge":`...), c...)
	}
	b = appendTexts(append(b, `,"obligations":`...), a.Obligations)
	if len(a.Degraded) > 0 {
		b = appendTexts(append(b, `,"degraded":`...), a.Degraded)
	}
	if len(a.Terms) > 0 {
		b = a.appendTerms(append(b, `,"terms":{`...))
	}
	if len(a.Rules) > 0 {
		b = appendTexts(append(b, `,"rules":`...), a.Rules)
	}
	if len(a.Campaigns) > 0 {
		b = appendTexts(append(b, `,"campaigns":`...), a.Campaigns)
	}
	return append(b, '}')
}

func (a *Answer) appendTerms(b []byte) []byte {
	for i := range a.Terms {
		t := &a.Terms[i]
		b = appendNumber(append(appendText(comma(b, i), t.Name), ':'), t.Value)
	}
	return append(b, '}')
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

func appendTexts[S ~string](b []byte, all []S) []byte {
	b = append(b, '[')
	for i, s := range all {
		b = appendText(comma(b, i), string(s))
	}
	return append(b, ']')
}

// appendText writes a text. One that holds anything to be escaped, or may, is
// left to encoding/json.
func appendText(b []byte, s string) []byte {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\', c == '<', c == '>', c == '&', c == 0xe2: // the last begins U+2028
			out, _ := json.Marshal(s) // a string: cannot fail
			return append(b, out...)
		case c >= 0x80:
			ascii = false
		}
	}
	if !ascii && !utf8.ValidString(s) {
		out, _ := json.Marshal(s)
		return append(b, out...)
	}
	return append(append(append(b, '"'), s...), '"')
}

func appendNumber(b []byte, v float64) []byte {
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		out, _ := json.Marshal(v) // a sum of finite weights: cannot fail
		return append(b, out...)
	}
	if m := math.Round(v * 1000); m/1000 == v && math.Abs(m) < 1e12 && m != 0 {
		return appendThousandths(b, int64(m)) // as all weights are
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// appendThousandths writes so many thousandths without zeros at the end. No
// shorter number is read as the same one, with so few digits.
func appendThousandths(b []byte, m int64) []byte {
	if m < 0 {
		b, m = append(b, '-'), -m
	}
	b = strconv.AppendInt(b, m/1000, 10)
	rest := m % 1000
	if rest == 0 {
		return b
	}
	b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
