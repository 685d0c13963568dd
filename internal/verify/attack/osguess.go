package attack

import (
	"context"
	"encoding/xml"
	"fmt"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// guessTime is the longest that one guess may take.
const guessTime = 5 * time.Minute

// guesses lets nmap guess once for each family; moment tells the answers apart.
func (s *scene) guesses(ctx context.Context, r *result.Report, name string, moment func(*result.Guess) *string) error {
	if !s.options.Nmap || s.options.Quick {
		return nil
	}
	s.progress("attack: which system is this?")
	for i := len(r.Guesses); i < len(network.Families); i++ {
		r.Guesses = append(r.Guesses, result.Guess{Family: network.Families[i]})
	}
	return network.InBoth(func(i, family int) (err error) {
		*moment(&r.Guesses[i]), err = s.guess(ctx, fmt.Sprint(name, family), family)
		return err
	})
}

func before(g *result.Guess) *string { return &g.Before }

func after(g *result.Guess) *string { return &g.After }

// guess asks nmap for the server's system, from an unlisted address of its own.
func (s *scene) guess(ctx context.Context, name string, family int) (string, error) {
	from, err := s.UnlistedHost(name)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, guessTime)
	defer cancel()
	args := []string{"-n", "-Pn", "-O", "-T4", "--max-os-tries", "1", "--max-retries", "1",
		"-p", result.PortList(s.Targets("tcp")), "-oX", "-", network.Server(family).String()}
	if family == 6 {
		args = append(args, "-6")
	}
	out, err := from.Command(ctx, "nmap", args...).Output()
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
		return result.NoMatch, nil
	}
	return fmt.Sprintf("%s (%d %%)", r.Matches[0].Name, r.Matches[0].Accuracy), nil
}
