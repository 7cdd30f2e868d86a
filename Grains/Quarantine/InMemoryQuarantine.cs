using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Quarantine;

/// <summary>The quarantine of tests and simulations: it outlives nothing.</summary>
public sealed class InMemoryQuarantine(QuarantineLimits limits) : IQuarantine
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<long, Held> items = [];
    private long last;

    public Task<long[]?> AddAsync(string workspace, IReadOnlyList<QuarantineEntry> entries, CancellationToken cancellation)
    {
        var rows = entries.Select(static entry => QuarantineRow.Of(entry, [])).ToArray();
        lock (gate)
        {
            var fresh = rows.Where(row => Of(workspace, row.Key) is null).DistinctBy(static row => row.Key).ToArray();
            if (!MakeRoom(workspace, fresh))
                return Task.FromResult<long[]?>(null);
            return Task.FromResult<long[]?>(Array.ConvertAll(rows, row => Count(workspace, row)));
        }
    }

    public Task<QuarantineItem?> FindAsync(string workspace, long id, CancellationToken cancellation)
    {
        lock (gate)
            return Task.FromResult(items.GetValueOrDefault(id) is { } held && held.Workspace == workspace ? held.Item : null);
    }

    public Task<IReadOnlyList<QuarantineItem>> ListAsync(string workspace, QuarantineFilter filter, int limit, long? before, CancellationToken cancellation)
    {
        JournalRules.ThrowIfOutside(limit, QuarantineLimits.ListMax);
        lock (gate)
        {
            return Task.FromResult<IReadOnlyList<QuarantineItem>>(
            [
                .. Of(workspace).Reverse().Where(item => (before is null || item.Id < before) && Fits(item.Entry, filter)).Take(limit)
                    .Select(static item => item with { Entry = item.Entry with { Body = [] } }),
            ]);
        }
    }

    public Task<QuarantineItem?> ChangeAsync(
        string workspace, long id, long version, QuarantineEntry entry, QuarantineNote note, CancellationToken cancellation)
    {
        lock (gate)
        {
            if (items.GetValueOrDefault(id) is not { } held || held.Workspace != workspace || held.Item.Version != version)
                return Task.FromResult<QuarantineItem?>(null);
            var after = QuarantineRow.Change(held.Item, entry, note);
            var row = QuarantineRow.Of(after.Entry, after.Notes);
            items[id] = new(workspace, after, row.Size, QuarantineRow.SettledAt(entry, note));
            return Task.FromResult<QuarantineItem?>(after);
        }
    }

    public Task<IReadOnlyList<QuarantineCount>> CountAsync(string workspace, CancellationToken cancellation)
    {
        lock (gate)
        {
            return Task.FromResult<IReadOnlyList<QuarantineCount>>(
            [
                .. Of(workspace).CountBy(static item => (item.Entry.Source, item.Entry.Reason, item.Entry.State))
                    .OrderBy(static pair => pair.Key.Source, StringComparer.Ordinal).ThenBy(static pair => pair.Key.Reason, StringComparer.Ordinal)
                    .ThenBy(static pair => pair.Key.State, StringComparer.Ordinal)
                    .Select(static pair => new QuarantineCount(pair.Key.Source, pair.Key.Reason, pair.Key.State, pair.Value)),
            ]);
        }
    }

    public Task ForgetAsync(string workspace, string customer, CancellationToken cancellation)
    {
        lock (gate)
        {
            foreach (var item in Of(workspace).Where(item => item.Entry.Customer == customer).ToArray())
                items.Remove(item.Id);
        }
        return Task.CompletedTask;
    }

    public Task<int> PruneAsync(DateTimeOffset before, CancellationToken cancellation)
    {
        lock (gate)
        {
            var old = items.Where(pair => pair.Value.SettledAt < before).Take(QuarantineLimits.ListMax).Select(static pair => pair.Key).ToArray();
            foreach (var id in old)
                items.Remove(id);
            return Task.FromResult(old.Length);
        }
    }

    private IEnumerable<QuarantineItem> Of(string workspace) => items.Values.Where(held => held.Workspace == workspace).Select(static held => held.Item);

    private QuarantineItem? Of(string workspace, string key) => Of(workspace).FirstOrDefault(item => item.Entry.Key == key);

    private bool MakeRoom(string workspace, QuarantineRow[] fresh)
    {
        var kept = items.Where(pair => pair.Value.Workspace == workspace).ToArray();
        var (count, bytes) = (kept.Length + fresh.Length, kept.Sum(static pair => pair.Value.Size) + fresh.Sum(static row => row.Size));
        var leaving = new List<long>();
        foreach (var (id, held) in kept.Where(static pair => pair.Value.SettledAt is not null).OrderBy(static pair => pair.Value.SettledAt).ThenBy(static pair => pair.Key))
        {
            if (count <= limits.ItemsMax && bytes <= limits.BytesMax)
                break;
            leaving.Add(id);
            (count, bytes) = (count - 1, bytes - held.Size);
        }
        if (fresh.Length > 0 && (count > limits.ItemsMax || bytes > limits.BytesMax))
            return false;
        leaving.ForEach(id => items.Remove(id));
        return true;
    }

    private long Count(string workspace, QuarantineRow row)
    {
        if (Of(workspace, row.Key) is { } known)
        {
            items[known.Id] = items[known.Id] with { Item = known with { Seen = known.Seen + 1 } };
            return known.Id;
        }
        var item = row.ToItem(++last, 1, 1);
        items.Add(last, new(workspace, item, row.Size, QuarantineRow.SettledAt(item.Entry, null)));
        return last;
    }

    private static bool Fits(QuarantineEntry entry, QuarantineFilter filter) =>
        (filter.Source ?? entry.Source) == entry.Source
        && (filter.Event ?? entry.Event) == entry.Event
        && (filter.Reason ?? entry.Reason) == entry.Reason
        && (filter.State ?? entry.State) == entry.State
        && !(entry.ReceivedAt < filter.From)
        && !(entry.ReceivedAt >= filter.To);

    private sealed record Held(string Workspace, QuarantineItem Item, long Size, DateTimeOffset? SettledAt);
}
