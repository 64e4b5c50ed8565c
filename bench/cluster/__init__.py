"""Runs as jobs: on a SLURM cluster through submitit, or queued on this machine. Files are the truth.

    OUT/cluster/
        tasks/<id>/            one folder for each run (and each data pack, each report)
            task.json          what is asked for, and the submission that it belongs to now
            events.jsonl       when what happened: submitted, started, stopped, lost, failed, done
            heartbeat.json     there while a process works on it: progress, rate, node
            end.json           the terminal record: done, failed, unfinished or cancelled
            log/<attempt>.txt  what each attempt printed
        code/<hash>/           the code that was submitted, with its commit and diff
        submissions/<name>/    submission.json (arrays and their job ids), batch scripts, raw logs

A task is worked on by parts: a training is a chain of bounded segments, then comes the evaluation. Each part is safe to
repeat, and says at its start whether there is anything left to do; what the scheduler thinks is a hint.
"""
