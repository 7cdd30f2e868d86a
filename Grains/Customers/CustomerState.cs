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

    /// <summary>The same for the last one before the activation leaves memory.</summary>
    private const int SnapshotOnLeavingAfter = 32;

    private readonly string key;
    private long snapshotVersion;
    private DateTimeOffset? storedDeadline;
    private string storedEmail;

    private CustomerState(Profile profile, CustomerHistory history)
    {
        key = profile.Key.ToString();
        Newest = Committed = profile;
        snapshotVersion = history.SnapshotVersion;
        storedDeadline = history.Deadline;
        storedEmail = EmailOf(profile);
    }

    public Profile Newest { get; private set; }

    public Profile Committed { get; private set; }

    /// <exception cref="FormatException">The history is damaged or from a newer version: nothing may be decided on it.</exception>
    public static CustomerState Load(CustomerKey key, CustomerHistory history) => new(Fold(key, history), history);

    public static Profile Fold(CustomerKey key, CustomerHistory history)
    {
        var profile = Profile.New(key);
        if (!history.Snapshot.IsEmpty && SnapshotCodec.Decode(history.Snapshot.Span) is { } snapshot)
            profile = snapshot;
        foreach (var record in history.Records)
        {
            foreach (var fact in FactCodec.Decode(record.Payload))
                profile = Evolver.Evolve(profile, fact);
            if (profile.Version != record.Version)
                throw new FormatException($"The facts of {key} have a gap at version {record.Version}.");
        }
        return profile.Version == history.Version
            ? profile
            : throw new FormatException($"The facts of {key} end at version {profile.Version} instead of {history.Version}.");
    }

    /// <summary>The append that makes a turn durable; null where there is nothing to write.</summary>
    public JournalWrite.Append? WriteOf(Turn turn, DateTimeOffset now)
    {
        var deadline = DeadlineOf(turn.Profile, now);
        if (turn.Facts.IsEmpty && deadline is null)
            return null;
        var email = EmailOf(turn.Profile);
        return new(
            key,
            Newest.Version,
            turn.Profile.Version,
            now,
            turn.Facts.IsEmpty ? default(ReadOnlyMemory<byte>) : FactCodec.Encode(turn.Facts),
            deadline,
            email == storedEmail ? null : email);
    }

    public void Advance(JournalWrite.Append write, Profile profile)
    {
        Newest = profile;
        storedDeadline = write.Deadline is null ? storedDeadline : write.Deadline.At;
        storedEmail = write.Email ?? storedEmail;
    }

    /// <returns>A snapshot that is due.</returns>
    public JournalWrite.Snapshot? Commit(Profile profile)
    {
        if (profile.Version > Committed.Version)
            Committed = profile;
        return SnapshotAfter(SnapshotEvery);
    }

    public JournalWrite.Snapshot? SnapshotOnLeaving() => SnapshotAfter(SnapshotOnLeavingAfter);

    private JournalWrite.Snapshot? SnapshotAfter(int facts)
    {
        if (Committed.Version - snapshotVersion < facts)
            return null;
        snapshotVersion = Committed.Version;
        return new(key, Committed.Version, SnapshotCodec.Encode(Committed));
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

    private static string EmailOf(Profile profile) =>
        profile.FindTrait("email") is { } trait && Json.Find(trait.Value, ImmutableArray<PathSegment>.Empty.AsSpan()) is { Kind: ScalarKind.Text } email
            ? email.Text!
            : "";
}
