using System.Collections.Immutable;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;

namespace Orleans.Personalize.Customers;

/// <summary>
/// What an activation holds of its customer: the newest state, on which it decides, and the committed one, which it shows. Between them
/// lie appends on their way.
/// </summary>
internal sealed class CustomerState
{
    /// <summary>Facts after which a new snapshot is worth its write: replaying these takes about as long as reading one.</summary>
    private const int SnapshotEvery = 128;

    /// <summary>The same of a large profile, by the size of its last snapshot: one that costs more to write is written less often.</summary>
    private const int SnapshotBytesAFact = 512;

    /// <summary>The same for the last one before the activation leaves memory.</summary>
    private const int SnapshotOnLeavingAfter = 32;

    /// <summary>What one write may gather; far below what a journal takes, for one turn comes on top.</summary>
    private const int GatheredBytesMax = 4 << 20;

    /// <summary>About what a fact takes beside its event's JSON.</summary>
    private const int FactBytes = 512;

    private readonly string key;
    private readonly ImmutableArray<Fact>.Builder gathered = ImmutableArray.CreateBuilder<Fact>();
    private int gatheredBytes;
    private long snapshotVersion;
    private int snapshotBytes;
    private DateTimeOffset? storedDeadline;
    private readonly SearchTraits searchable;
    private string storedEmail;

    /// <summary>Null where it is not known: the declaration may have changed since they were written.</summary>
    private string[]? storedTerms;

    private CustomerState(Profile profile, CustomerHistory history, SearchTraits searchable)
    {
        this.searchable = searchable;
        storedTerms = history.Version == 0 ? [] : null;
        key = profile.Key.ToString();
        Newest = Committed = profile;
        snapshotVersion = history.SnapshotVersion;
        snapshotBytes = history.Snapshot.Length;
        storedDeadline = history.Deadline;
        storedEmail = profile.Email ?? "";
    }

    public Profile Newest { get; private set; }

    public Profile Committed { get; private set; }

    /// <exception cref="FormatException">The history is damaged or from a newer version: nothing may be decided on it.</exception>
    public static async Task<CustomerState> LoadAsync(IJournal journal, CustomerKey key, SearchTraits searchable, CancellationToken cancellation)
    {
        var history = await journal.ReadAsync(key.ToString(), cancellation);
        if (history.Snapshot.IsEmpty)
            return new(Fold(Profile.New(key), history), history, searchable);
        if (SnapshotCodec.Decode(history.Snapshot.Span) is { } snapshot)
            return new(Fold(snapshot, history), history, searchable);
        // A snapshot of another version: all there is of the customer is folded anew, and the next snapshot is of this one.
        history = history with { SnapshotVersion = 0, Records = await ReadWholeAsync(journal, key.ToString(), cancellation) };
        return new(Fold(Profile.New(key), history), history, searchable);
    }

    private static Profile Fold(Profile profile, CustomerHistory history)
    {
        foreach (var record in history.Records)
        {
            foreach (var fact in FactCodec.Decode(record.Payload))
                profile = Evolver.Evolve(profile, fact);
            if (profile.Version != record.Version)
                throw new FormatException($"The facts of {profile.Key} have a gap at version {record.Version}.");
        }
        return profile.Version == history.Version
            ? profile
            : throw new FormatException($"The facts of {profile.Key} end at version {profile.Version} instead of {history.Version}.");
    }

    private static async Task<JournalRecord[]> ReadWholeAsync(IJournal journal, string key, CancellationToken cancellation)
    {
        var records = new Stack<JournalRecord>();
        long? before = null;
        while (before is null or > 1)
        {
            var page = await journal.ReadBackAsync(key, before, JournalLimits.ReadBackMax, cancellation);
            if (page.Count == 0)
                break;
            foreach (var record in page)
                records.Push(record);
            before = page[^1].Version - FactCodec.Decode(page[^1].Payload).Length + 1;
        }
        return [.. records];
    }

    /// <summary>More would not fit into one write; whoever comes now does better to come again.</summary>
    public bool IsFull => gatheredBytes >= GatheredBytesMax;

    public void Gather(Turn turn)
    {
        // Nothing after this turn asks for its event, and between two of a customer's it would be most of what outlives a collection.
        Newest = turn.Profile with { Latest = null };
        gathered.AddRange(turn.Facts);
        foreach (var fact in turn.Facts)
            gatheredBytes += FactBytes + (fact is Fact.EventApplied { Event: var happened } ? happened.Properties.Span.Length + happened.Traits.Span.Length : 0);
    }

    public bool HasNews(DateTimeOffset now) => gathered.Count > 0 || DeadlineOf(Newest, now) is not null;

    /// <summary>The append that makes what was gathered durable; null where there is nothing to write.</summary>
    public JournalWrite.Append? WriteOf(DateTimeOffset now)
    {
        var deadline = DeadlineOf(Newest, now);
        if (gathered.Count == 0 && deadline is null)
            return null;
        var email = Newest.Email ?? "";
        var terms = searchable.TermsOf(Newest);
        return new(
            key,
            Newest.Version - gathered.Count,
            Newest.Version,
            now,
            gathered.Count == 0 ? default(ReadOnlyMemory<byte>) : FactCodec.Encode(gathered.ToImmutable()),
            deadline,
            email == storedEmail ? null : email,
            terms is null || (storedTerms is not null && terms.SequenceEqual(storedTerms)) ? null : terms);
    }

    /// <summary>The write is on its way.</summary>
    /// <returns>The profile that it leads to.</returns>
    public Profile Advance(JournalWrite.Append write)
    {
        storedDeadline = write.Deadline is null ? storedDeadline : write.Deadline.At;
        storedEmail = write.Email ?? storedEmail;
        storedTerms = (string[]?)write.Terms ?? storedTerms;
        gathered.Clear();
        gatheredBytes = 0;
        return Newest;
    }

    /// <summary>Forgets what was gathered. Only while no write is on its way.</summary>
    public void Revert()
    {
        Newest = Committed;
        gathered.Clear();
        gatheredBytes = 0;
    }

    /// <returns>A snapshot that is due.</returns>
    public JournalWrite.Snapshot? Commit(Profile profile)
    {
        if (profile.Version > Committed.Version)
            Committed = profile;
        return SnapshotAfter(Math.Max(SnapshotEvery, snapshotBytes / SnapshotBytesAFact));
    }

    public JournalWrite.Snapshot? SnapshotOnLeaving() => SnapshotAfter(SnapshotOnLeavingAfter);

    private JournalWrite.Snapshot? SnapshotAfter(int facts)
    {
        if (Committed.Version - snapshotVersion < facts)
            return null;
        snapshotVersion = Committed.Version;
        var snapshot = SnapshotCodec.Encode(Committed);
        snapshotBytes = snapshot.Length;
        return new(key, Committed.Version, snapshot);
    }

    /// <summary>
    /// The stored deadline is only ever too early, never too late: it moves when the true one is earlier, or when it has been reached. So an
    /// event that prolongs a wait costs no write of it.
    /// </summary>
    private DeadlineWrite? DeadlineOf(Profile profile, DateTimeOffset now)
    {
        var next = Outlook.NextDeadline(profile);
        var isEarlier = next is not null && (storedDeadline is null || next < storedDeadline);
        var isReached = storedDeadline <= now && next != storedDeadline;
        return isEarlier || isReached ? new(next) : null;
    }
}
