package network

import "sync"

// InParallel runs jobs, so many at once, and returns the first error.
func InParallel(width int, jobs []func() error) error {
	var wait sync.WaitGroup
	slots := make(chan struct{}, width)
	failed := make(chan error, len(jobs))
	for _, job := range jobs {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer func() { <-slots }()
			if err := job(); err != nil {
				failed <- err
			}
		}()
	}
	wait.Wait()
	close(failed)
	return <-failed
}

// InBoth does something for each family at once; i is the family's place.
func InBoth(do func(i, family int) error) error {
	var jobs []func() error
	for i, family := range Families {
		jobs = append(jobs, func() error { return do(i, family) })
	}
	return InParallel(len(jobs), jobs)
}
