package judge

import (
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// doorsHold judges every door: it opens by its sequence, and by nothing else.
func (j *judge) doorsHold() {
	for _, d := range j.r.Doors {
		var against []string
		for _, t := range d.Attempts {
			switch {
			case t.Opened && !t.Opens:
				against = append(against, fmt.Sprintf("%s opens it over IPv%d", t.Name, t.Family))
			case t.Opens && !t.Opened:
				against = append(against, fmt.Sprintf("%s does not open it over IPv%d", t.Name, t.Family))
			}
		}
		j.rule("door-"+d.Name, fmt.Sprintf("The knock %s needs its whole sequence", d.Name), against, seen(&d, j.p.Policy.IPv6))
	}
}

// seen says what opened a door that held, and what did not.
func seen(d *result.Door, ipv6 bool) string {
	var opened, shut []string
	for _, t := range d.Attempts {
		switch {
		case t.Family == 6:
		case t.Opened:
			opened = append(opened, t.Name)
		default:
			shut = append(shut, t.Name)
		}
	}
	text := fmt.Sprintf("opens after %s; stays closed after %s; ", strings.Join(opened, ", "), strings.Join(shut, ", "))
	if d.Step > 0 {
		text += fmt.Sprintf("lateness tried with a step of %s, open for %s; ", d.Step, d.Open)
	}
	if ipv6 {
		return text + "over IPv4 and IPv6"
	}
	return text + "over IPv6 it never opens"
}
