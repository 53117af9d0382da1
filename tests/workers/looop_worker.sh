#!/usr/bin/env bash
# A worker as its author wrote it for looop's own help text: nothing in it knows of LoopOS.
set -euo pipefail
me="$SESSION_ID"
say() { echo "[$me] $*"; }

grep -q "$TASK_WORD" "$1" && say "task read"
"$LOOOP_BIN" _ claim pump-room || { say "somebody else has it"; exit 4; }
answer="$("$LOOOP_BIN" _ ask "$me" --prompt "Which pump shall I look at?" --options "north,south")"
if [ "$answer" = south ]; then say "south it is"; else say "got <$answer>"; fi
for _ in $(seq 600); do
  told="$("$LOOOP_BIN" _ told "$me")"
  [ -n "$told" ] && break
  sleep 0.1
done
say "was told: $told"
printf '# %s\n\npump: %s\nnote: %s\n' "$me" "$answer" "$told" > "$LOOOP_REPORTS_DIR/$me.md"
"$LOOOP_BIN" _cost session "$me" some-agent 0.12345
"$LOOOP_BIN" _ unclaim pump-room
"$LOOOP_BIN" _ notify "the $answer pump is looked at" --id "$me"
"$LOOOP_BIN" _ kill "$me"
sleep 60
