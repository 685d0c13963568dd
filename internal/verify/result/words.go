package result

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// PortList writes ports as nmap takes them, "22,80,443".
func PortList(ports []uint16) string {
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = strconv.Itoa(int(p))
	}
	return strings.Join(words, ",")
}

// Thousands writes 3600 as "3,600".
func Thousands(n float64) string {
	text := fmt.Sprintf("%.0f", n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Brief writes a duration with as many digits as mean something.
func Brief(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
