package profile

import (
	"fmt"
	"regexp"
	"strings"
)

// How people write what is not TOML, which other formats teach them.
var (
	// headerLine is the line of a table with too few brackets, or too many.
	headerLine = regexp.MustCompile(`^\[*[ \t]*([A-Za-z0-9_-]+(?:\.(?:[A-Za-z0-9_-]+|"[^"]*"))*)[ \t]*\]*[ \t]*(?:#.*)?$`)
	noEquals   = regexp.MustCompile(`^[A-Za-z0-9_.-]+[ \t]*(:|[ \t][^ \t=])`)
	assignment = regexp.MustCompile(`^[A-Za-z0-9_."'-]+[ \t]*=[ \t]*(.*)$`)
	bareWord   = regexp.MustCompile(`^[A-Za-z0-9@/][A-Za-z0-9@/._:% -]*$`)
	yesWord    = regexp.MustCompile(`^(?i:true|yes|on)$`)
	noWord     = regexp.MustCompile(`^(?i:false|no|off)$`)
	bareList   = regexp.MustCompile(`^\[([^"'\[\]]+)\]$`)
	comment    = regexp.MustCompile(`(?:^|[ \t])(?://|/\*|--|;)`)
	curly      = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "‟", `"`, "«", `"`, "»", `"`, "‘", `"`, "’", `"`)
	twoTexts   = regexp.MustCompile(`"[^",]*"[ \t]+"`)
)

// syntaxHelp says what to write instead of a statement that is not TOML; nothing
// where it is not plain what was meant.
func syntaxHelp(statement string) string {
	line, _, _ := strings.Cut(statement, "\n")
	line = strings.TrimSpace(line)
	if len(line) > shown {
		return ""
	}
	if isHeaderLine(line) {
		return fmt.Sprintf("write [%s]", headerLine.FindStringSubmatch(line)[1])
	}
	if strings.HasPrefix(line, "[") {
		return ""
	}
	if at := comment.FindStringIndex(line); at != nil && at[0] == 0 {
		return commentHelp
	}
	if noEquals.MatchString(line) {
		return "write = between a key and its value"
	}
	if m := assignment.FindStringSubmatch(line); m != nil {
		value, _, _ := strings.Cut(m[1], "#")
		return valueHelp(strings.TrimSpace(value))
	}
	return ""
}

// isHeaderLine reports whether a line that is not TOML was meant to begin a table.
func isHeaderLine(line string) bool {
	return len(line) <= shown && strings.ContainsAny(line, "[]") && headerLine.MatchString(strings.TrimSpace(line))
}

const commentHelp = "a comment begins with #"

func valueHelp(value string) string {
	list := bareList.FindStringSubmatch(value)
	switch {
	case curly.Replace(value) != value:
		return "write straight quotes: " + curly.Replace(value)
	case strings.HasSuffix(value, ";"):
		return "take out the ; at the end of the line"
	case !strings.ContainsAny(value, `"'`) && comment.MatchString(value):
		return commentHelp
	case yesWord.MatchString(value):
		return "write true"
	case noWord.MatchString(value):
		return "write false"
	case bareWord.MatchString(value):
		return fmt.Sprintf("write it in quotes: %q", value)
	case list != nil:
		var quoted []string
		for element := range strings.SplitSeq(list[1], ",") {
			quoted = append(quoted, fmt.Sprintf("%q", strings.TrimSpace(element)))
		}
		return "write each element in quotes: [" + strings.Join(quoted, ", ") + "]"
	case twoTexts.MatchString(value):
		return "write a comma between the elements"
	}
	return ""
}
