package run

import (
	"bytes"
	"sync"
)

// SyncBuffer holds what a program has said so far, which can be read while it runs.
type SyncBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

// Write keeps what the program says.
func (w *SyncBuffer) Write(p []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.text.Write(p)
}

// String is what was written until now.
func (w *SyncBuffer) String() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.text.String()
}
