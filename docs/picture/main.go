// Picture draws the picture of README.md and docs/verify.md: it reads the JSON of hardenctl verify and writes SVG.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/hardenctl/hardenctl/internal/verify/page"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

func main() {
	var report result.Report
	if err := json.NewDecoder(os.Stdin).Decode(&report); err != nil {
		log.Fatalf("picture: the report of verify: %v", err)
	}
	svg, err := page.Picture(&report)
	if err == nil {
		_, err = os.Stdout.Write(svg)
	}
	if err != nil {
		log.Fatalf("picture: %v", err)
	}
}
