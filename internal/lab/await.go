package lab

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Patience is how long a test waits for what must come. It is not a measure of
// anything: what comes at all comes in a small part of it, even where other work
// has the processors.
const Patience = 2 * time.Minute

// pollPause is the time between two looks at a condition.
const pollPause = 20 * time.Millisecond

// Await looks again and again until a condition holds. It ends the test if
// Patience is over before; what names the condition, as in "the end of the
// trial".
func Await(t T, what string, holds func() bool) {
	t.Helper()
	defer awaited.add(what)()
	for began := time.Now(); !holds(); time.Sleep(pollPause) {
		if time.Since(began) > Patience {
			t.Fatalf("%s did not come within %s", what, Patience)
		}
	}
}

// awaited are the conditions that this process waits for.
var awaited conditions

type conditions struct {
	mutex sync.Mutex
	names []string
}

// add notes that something waits for a condition, until done is called.
func (c *conditions) add(what string) (done func()) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.names = append(c.names, what)
	return func() {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		if i := slices.Index(c.names, what); i >= 0 {
			c.names = slices.Delete(c.names, i, i+1)
		}
	}
}

// String lists the conditions.
func (c *conditions) String() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return strings.Join(c.names, ", ")
}
