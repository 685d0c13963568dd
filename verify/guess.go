package verify

import (
	"context"
	"encoding/xml"
	"fmt"
	"time"
)

// Guess is what nmap -O makes of the server's system, in its words: the best
// match with its certainty, or "no match".
type Guess struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// guessTime is the longest that one guess may take.
const guessTime = 40 * time.Second

// guess asks nmap for the server's system, from a stranger of its own.
func (s *scene) guess(ctx context.Context, name string) (string, error) {
	from, err := s.stranger(name)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, guessTime)
	defer cancel()
	out, err := from.Command(ctx, "nmap", "-n", "-Pn", "-O", "-T4", "--max-os-tries", "1", "--max-retries", "1",
		"-p", portList(s.targets("tcp")), "-oX", "-", server(4).String()).Output()
	if err != nil {
		return "", fmt.Errorf("nmap -O: %w", err)
	}
	return readGuess(out)
}

// readGuess reads nmap's report, which lists the best match first.
func readGuess(report []byte) (string, error) {
	var r struct {
		Matches []struct {
			Name     string `xml:"name,attr"`
			Accuracy int    `xml:"accuracy,attr"`
		} `xml:"host>os>osmatch"`
	}
	if err := xml.Unmarshal(report, &r); err != nil {
		return "", fmt.Errorf("nmap -O: unreadable report: %w", err)
	}
	if len(r.Matches) == 0 {
		return "no match", nil
	}
	return fmt.Sprintf("%s (%d %%)", r.Matches[0].Name, r.Matches[0].Accuracy), nil
}
