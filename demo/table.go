package demo

import (
	"fmt"
	"strings"
)

// table prints the verdicts: mission ID, what the story calls for, what was
// seen outside.
func (n *narrator) table(s Story, all []verdict) {
	n.line("")
	n.put("", 0, bold, text("使命のIDごとに、外から見て確かめたこと（お店のデータベース、メールのファイル、ページの答え）",
		"Mission ID by mission ID, as seen from outside (the shop's database, the spooled mails, the pages' answers)"))
	n.line("%s", strings.Repeat("─", n.width))
	for _, v := range all {
		sign, colour := "✓", green
		switch {
		case v.Left:
			sign, colour = "–", yellow
		case !v.OK:
			sign, colour = "✗", red
		}
		n.mu.Lock()
		first := n.paint(colour, sign) + " " + n.paint(bold, pad(v.ID, 4))
		for _, l := range n.langs {
			for _, line := range fold(v.Want.In(l), n.width-7) {
				fmt.Fprintf(n.out, "%s %s\n", first, line)
				first = "      "
			}
		}
		for _, line := range fold(v.Saw, n.width-9) {
			fmt.Fprintln(n.out, "        "+n.paint(quiet, line))
		}
		n.mu.Unlock()
	}
	n.line("%s", strings.Repeat("─", n.width))
	bad, left := 0, 0
	for _, v := range all {
		if v.Left {
			left++
		} else if !v.OK {
			bad++
		}
	}
	good := len(all) - bad - left
	n.put("", 0, bold, text(fmt.Sprintf("%s：%d件中%d件がそのとおり、違ったもの%d件、確かめていないもの%d件。", s, len(all), good, bad, left),
		fmt.Sprintf("%s: %d of %d as called for, %d not, %d not checked.", s, good, len(all), bad, left)))
}
