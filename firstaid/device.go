package firstaid

import (
	"regexp"
	"strings"

	"mimamori/profile"
)

var (
	agentText = regexp.MustCompile(`Mozilla/\d\.\d \([^)]*\)(?:,? ?(?:[A-Za-z]\w*/[\w.\-]+|\([^)]*\)|Mobile|like Gecko))*`)
	version   = regexp.MustCompile(`(?i)\b(?:(?:ios|ipados|iphone os|android(?: os)?|mac ?os(?: ?x)?|windows(?: nt)?|version|ver\.?|v|chrome|firefox|safari|edge|ie|internet explorer|opera)[ /]?(\d+(?:[._]\d+)*)|[a-z]+/\d+(?:\.\d+)+)`)
	refused   = regexp.MustCompile(`(?i)失敗|エラー|拒否|不成功|できません|ブロック|誤り|\bfail|unsuccessful|\bdenied\b|\brejected\b|\bblocked\b|\bincorrect\b|wrong password|パスワード間違い|×`)
	noise     = regexp.MustCompile(`(?i)現在の時刻|現在時刻|最終更新|更新日時|表示期間|検索期間|印刷日|作成日|発行|お客様の現在|あなたの(?:現在の)?IP|your (?:current )?IP|last updated|as of|printed|generated|copyright|©`)
)

// versionsIn finds the versions of programs in a line: their numbers would
// pass for dates and addresses. Four numbers behind a space may be an address
// ("Windows 192.0.2.1"); versions of four have a 0 second.
func versionsIn(line string) [][]int {
	var out [][]int
	for _, m := range version.FindAllStringSubmatchIndex(line, -1) {
		if m[2] > 0 && line[m[2]-1] == ' ' {
			a, ok := readFour(line[m[2]:m[3]])
			if ok && a.IP.As4()[1] != 0 && strings.Count(line[m[2]:m[3]], ".") == 3 {
				continue
			}
		}
		out = append(out, m[:2])
	}
	return out
}

// systems are the devices by name, the more telling first. What stands in the
// text is searched in lower case.
var systems = []struct{ in, system, show string }{
	{"iphone", "iphone", "iPhone"}, {"ipad", "ipad", "iPad"}, {"android", "android", "Android"}, {"windows", "windows", "Windows"},
	{"macbook", "mac", "Mac"}, {"macintosh", "mac", "Mac"}, {"mac os", "mac", "Mac"}, {"macos", "mac", "Mac"}, {"imac", "mac", "Mac"}, {"chromebook", "chromeos", "Chromebook"}, {"chrome os", "chromeos", "Chromebook"},
	{"linux", "linux", "Linux"}, {"ubuntu", "linux", "Linux"}, {"galaxy", "android", "Android"}, {"xperia", "android", "Android"}, {"pixel", "android", "Android"}, {"aquos", "android", "Android"}, {"ios", "iphone", "iPhone"}, {"mac", "mac", "Mac"},
	{"スマートフォン", "phone", "スマートフォン"}, {"スマホ", "phone", "スマートフォン"}, {"smartphone", "phone", "Smartphone"}, {"ケータイ", "phone", "携帯電話"}, {"携帯", "phone", "携帯電話"}, {"モバイル", "phone", "モバイル"}, {"mobile", "phone", "Mobile"}, {"タブレット", "tablet", "タブレット"}, {"tablet", "tablet", "Tablet"},
	{"パソコン", "computer", "パソコン"}, {"desktop", "computer", "Desktop"}, {"pc", "computer", "PC"},
}

var browsers = []struct{ in, show string }{
	{"edg", "Edge"}, {"firefox", "Firefox"}, {"opera", "Opera"}, {"chrome", "Chrome"}, {"safari", "Safari"}, {"internet explorer", "Internet Explorer"}, {"アプリ", "アプリ"}, {"app", "App"},
}

// deviceIn finds what a text calls the device; both empty when it names none.
func deviceIn(text string) (show, system string) {
	if ua := agentText.FindString(text); ua != "" {
		a := profile.ParseAgent(ua)
		if a.OS != "unknown" {
			return a.String(), systemKey(a.System())
		}
	}
	lower := strings.ToLower(text)
	for _, s := range systems {
		if holds(lower, s.in) {
			show, system = s.show, s.system
			break
		}
	}
	for _, b := range browsers {
		if !holds(lower, b.in) {
			continue
		}
		if show == "" {
			return b.show, ""
		}
		return b.show + " (" + show + ")", system
	}
	return show, system
}

// systemKey is the key of a system that a user agent names.
func systemKey(name string) string {
	lower := strings.ToLower(name)
	for _, s := range systems {
		if holds(lower, s.in) {
			return s.system
		}
	}
	return lower
}

// holds looks for a name; one of Latin letters must begin a word, a short one
// be a whole word ("pc", "mac", "ios", "app").
func holds(lower, name string) bool {
	for at := 0; ; {
		i := strings.Index(lower[at:], name)
		if i < 0 {
			return false
		}
		i += at
		at = i + len(name)
		if name[0] > 'z' || !letter(lower, i-1) && (len(name) > 3 || name == "edg" || !letter(lower, at)) {
			return true
		}
	}
}

func letter(s string, at int) bool { return at >= 0 && at < len(s) && s[at] >= 'a' && s[at] <= 'z' }
