package page

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// The picture is XML, and the same after its report has been JSON.
func TestPicture(t *testing.T) {
	text, err := Picture(sample())
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(string(text)))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
	for _, want := range []string{"After, one scanner", "2 open · 0 closed · 65,534 silent", "all ports, one address", "1,234 visits, 1 failed"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the picture", want)
		}
	}
	var read result.Report
	saved, err := json.Marshal(sample())
	if err == nil {
		err = json.Unmarshal(saved, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Picture(&read); err != nil || string(again) != string(text) {
		t.Errorf("another picture from the JSON of the report: %v", err)
	}
}

// The picture of README.md and docs/verify.md shows each attack of the table there.
func TestPictureOfDocs(t *testing.T) {
	picture, err := os.ReadFile("../../../docs/what-an-attacker-sees.svg")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(pages.Read(t, "docs/verify.md"), "\nATTACK ")
	table, _, _ = strings.Cut(table, "\nnmap -O guesses")
	rows := strings.Split(table, "\n")[1:]
	if len(rows) < 10 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		name, _, _ := strings.Cut(row, "  ")
		if !strings.Contains(html.UnescapeString(string(picture)), ">"+name+"</text>") {
			t.Errorf("the picture shows no attack %q: run make picture", name)
		}
	}
}
