namespace Orleans.Personalize.Journal;

/// <summary>The journal cannot be opened; the message is meant for whoever starts the program.</summary>
internal sealed class JournalOpenException : Exception
{
    public JournalOpenException(string message) : base(message) { }

    public JournalOpenException(string message, Exception inner) : base(message, inner) { }
}
